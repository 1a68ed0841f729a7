"""Calibrations on disk, as `calibrate` writes and `build` reads them."""

import json
from dataclasses import asdict
from pathlib import Path

from embeddings.errors import InvalidOption
from embeddings.files import write_atomically
from embeddings.ranking.calibration import Calibration


def write(path: Path, calibration: Calibration) -> None:
    """Write a calibration as JSON."""
    write_atomically(path, (json.dumps(asdict(calibration), indent=2) + "\n").encode())


def read(path: Path) -> Calibration:
    """Read what `write` wrote.

    Raises:
        InvalidOption: The file is missing or something else.
    """
    try:
        return Calibration.from_fields(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InvalidOption(f"{path} cannot be read: {error.strerror}; related-papers calibrate writes one") from error
    except (AttributeError, TypeError, ValueError) as error:
        raise InvalidOption(f"{path} is no calibration: {error}; related-papers calibrate writes one") from error
