"""Data sets, each brought to one list of studies or slices that `norma prepare` reads."""

from .studies import Study, StudyList, read_study_list, write_study_list  # noqa: F401
