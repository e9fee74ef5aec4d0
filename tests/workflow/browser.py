"""A real browser, without a window and without a network: what it makes of a page."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-component-update"),
    *("--disable-background-networking", "--disable-sync", "--virtual-time-budget=5000"),
    "--proxy-server=127.0.0.1:9",  # nothing answers there: what is not in the file cannot come from elsewhere
)


def look(page: Path, folder: Path, width: int = 1300, height: int = 900) -> tuple[str, np.ndarray]:
    """The page's document as the browser has it, without scripts, and the screenshot (rows, columns, RGB)."""
    browser = [str(BROWSER), *QUIET, f"--user-data-dir={folder / 'profile'}", f"--window-size={width},{height}"]
    picture = folder / "picture.png"
    picture.unlink(missing_ok=True)
    both = [*browser, "--dump-dom", f"--screenshot={picture}", page.as_uri()]
    run = subprocess.run(both, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr[-2000:]
    with Image.open(picture) as image:
        pixels = np.asarray(image.convert("RGB"))
    return re.sub(r"<script.*?</script>", "", run.stdout, flags=re.DOTALL), pixels
