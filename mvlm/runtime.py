"""What every notebook does first: name the device and set the seed."""

import torch


def start(seed: int = 0) -> torch.device:
    """Choose the device, seed torch, and say in one line what that means for run time.

    Args:
        seed: for torch's global generator; chapters that compare numbers use their own.

    Returns:
        The first GPU if torch sees one, else the CPU.
    """
    torch.manual_seed(seed)
    if torch.cuda.is_available():
        device = torch.device("cuda")
        print(f"Device: {torch.cuda.get_device_name()}. Cells that train take seconds here.")
    else:
        device = torch.device("cpu")
        print(
            f"Device: CPU, {torch.get_num_threads()} threads. "
            "Every chapter is made to run here in under two minutes."
        )
    return device
