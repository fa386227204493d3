"""The chests that lesions are laid into, each read once."""

from __future__ import annotations

from pathlib import Path
from threading import Lock

from .nifti import read_nifti
from .synthetic_lesions import Chest


class Chests:
    """By name. Whoever asks goes host by host, so that two are held at most."""

    def __init__(self, hosts: dict[str, Path]) -> None:
        self._hosts = hosts
        self._held: dict[str, Chest] = {}
        self._lock = Lock()

    def of(self, host: str) -> Chest:
        with self._lock:
            if host not in self._held:
                self._held = dict(list(self._held.items())[-1:]) | {host: Chest(read_nifti(self._hosts[host]))}
            return self._held[host]
