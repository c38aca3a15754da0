// The small block: nothing of the model is loaded, its code neither, before somebody asks.
"use strict";
for (const block of document.querySelectorAll(".ask-model[data-part=small]")) {
  const here = document.currentScript.src;
  const button = block.querySelector(".ask-go"), status = block.querySelector(".ask-status");

  const load = (file) => new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL(`${file}?v=${block.dataset.version}`, here);
    script.async = false; // they run in their order
    script.onload = resolve;
    script.onerror = () => reject(new Error(`${file} did not come`));
    document.head.append(script);
  });

  button.hidden = false;
  let loading;
  button.addEventListener("click", async () => {
    status.textContent = "The model is on its way …";
    loading ??= Promise.all(block.dataset.scripts.split(" ").map(load));
    try {
      await loading;
      await mvlm.small(block);
    } catch (error) {
      loading = undefined;
      status.textContent = `The model cannot be asked: ${error.message}.`;
    }
  });
}
