"""What chapters import besides the library: exercises, evidence, figures, words and the record."""

from course import evidence, figures, say
from course.exercises import check
from course.record import load_record, write_record

__all__ = ["check", "evidence", "figures", "load_record", "say", "write_record"]
