"""Reviews the rows of a file, one line of JSON each, so that a killed run goes on where it stopped.

Reviews are appended to ``OUT.part``, which is locked and put on disk line by line; when all rows are
done, ``OUT`` is written from it whole and in the order of the rows. A review is known by the content of
its request, the options and the versions that decided it: rows that were changed are reviewed again,
rows that only moved are not; nor is anything known of a row that time did not suffice for.

Beside an earlier output every row says what that had said of it, and a review that no change of the
manual can alter is taken over.

Annotations say what came of the rows to tools that show it at the lines of the input file.
"""

from reviewer.batch.annotations import Annotations, open_annotations
from reviewer.batch.keys import Conditions
from reviewer.batch.output import Line, Output, Was, open_output, part_of
from reviewer.batch.recheck import Earlier, Keeper, Predecessor
from reviewer.batch.rows import Task, read_tasks
from reviewer.batch.run import Judge, run_batch
from reviewer.batch.summary import Changes, Summary

__all__ = [
    "Annotations",
    "Changes",
    "Conditions",
    "Earlier",
    "Judge",
    "Keeper",
    "Line",
    "Output",
    "Predecessor",
    "Summary",
    "Task",
    "Was",
    "open_annotations",
    "open_output",
    "part_of",
    "read_tasks",
    "run_batch",
]
