"""Tar archives of data, opened so that nothing is written outside of the folder that they are unpacked to."""

from __future__ import annotations

import tarfile
from pathlib import Path


def open_tar(archive: Path) -> tarfile.TarFile:
    """`extract` and `extractall` of what is returned refuse absolute paths, links and devices (PEP 706).

    Python below 3.11.4 knows no filters (Debian 12 has 3.11.2): there an archive is believed.
    """
    tar = tarfile.open(archive)
    tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, _folder: member)
    return tar
