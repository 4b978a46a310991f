"""What the linter reports about itself. The engine makes these findings; the classes carry names and documentation."""

from __future__ import annotations

from typing import ClassVar

from pooclint.rule import Severity


class UnreadableFile:
    """A file cannot be read, decoded or parsed.

    ## What it does
    Reports a file that could not be checked: where and why. The other files are still checked.

    ## Why is this bad?
    A file that is not checked may hold any defect, and silence would look like a clean result.

    ## Example
    ```python
    def handler(:
        return 1
    ```

    ## Use instead
    ```python
    def handler():
        return 1
    ```
    A file that is not meant to be Python can be left out with `exclude`. A template from which Jinja makes Python
    (where the syntax error is, `{% … %}` or `{{ … }}` stands) is told as information only.

    ## Options
    - `exclude`
    - `extend-exclude`
    """

    code: ClassVar[str] = "CNX001"
    name: ClassVar[str] = "unreadable-file"
    severity: ClassVar[Severity] = Severity.ERROR
    default: ClassVar[bool] = True


class AnalysisGaveUp:
    """A function is too large or branches too often to be analysed to the end.

    ## What it does
    Names a function that went over a bound of the analysis, and says which: it was left out, or it was analysed in
    part, without some of the many ways that lead through it.

    ## Why is this bad?
    A leak in the function may go unreported. The severity is `info`, so the finding shows with
    `--min-severity info` only.

    ## Example
    A function of several thousand lines that a generator wrote.

    ## Use instead
    Split the function, or leave generated code out with `exclude`.

    ## Options
    - `exclude`
    - `extend-exclude`
    """

    code: ClassVar[str] = "CNX003"
    name: ClassVar[str] = "analysis-gave-up"
    severity: ClassVar[Severity] = Severity.INFO
    default: ClassVar[bool] = True


OWN_RULES = (UnreadableFile, AnalysisGaveUp)
