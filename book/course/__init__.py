"""What chapters import besides the library: exercises, figures and the record of a run."""

from course.exercises import check
from course.record import load_record, write_record

__all__ = ["check", "load_record", "write_record"]
