// What all blocks that ask a model share: this comes first. `mvlm` holds what the files beside it
// make; the names of the models' functions are those of the Python package.
"use strict";
const mvlm = (() => {
  const HERE = document.currentScript.src;
  const parts = [];

  // A part of the models' code: run here, and kept, since a worker gets it as text. (A page that is
  // opened from a folder may start no worker from a file, only from text.)
  function part(code) {
    parts.push(code);
    Object.assign(mvlm, code());
  }

  function start_worker() {
    const source = [
      '"use strict"; const mvlm = {};',
      ...parts.map((code) => `Object.assign(mvlm, (${code})());`),
      "mvlm.serve();",
    ].join("\n");
    const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const worker = new Worker(address);
    URL.revokeObjectURL(address);
    return worker;
  }

  // An element with attributes, properties and children.
  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  }

  // The address of a file beside this one, as it was when the page was built.
  function beside(file) {
    const { version } = document.querySelector(".ask-model").dataset;
    return new URL(`${file}?v=${version}`, HERE);
  }

  // What a script assigns to a variable: all that a page opened from a folder may read.
  function bring(file, variable) {
    return new Promise((resolve, reject) => {
      const script = make("script", { src: beside(file) });
      script.onload = () => {
        resolve(window[variable]);
        delete window[variable];
        script.remove();
      };
      script.onerror = () => {
        script.remove();
        reject(new Error("its file did not come"));
      };
      document.head.append(script);
    });
  }

  // A promise that is made once it is asked for; if it fails, the next one who asks tries again.
  function once(work) {
    let promise;
    return () => {
      promise ??= work().catch((error) => {
        promise = undefined;
        throw error;
      });
      return promise;
    };
  }

  return { part, start_worker, make, beside, bring, once };
})();
