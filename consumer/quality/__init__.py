"""Check results of other tools: a parsed file goes in, rows come out. Pure, one module for each tool."""

from .dbt import DbtImporter
from .dqops import DqopsImporter
from .elementary import ElementaryImporter
from .great_expectations import GreatExpectationsImporter
from .importer import Document, Findings, Importer, Lineage
from .json_lines import CheckResultLine, JsonImporter
from .soda import SodaImporter

# By the name that users type.
IMPORTERS: dict[str, Importer] = {
    "dqops": DqopsImporter(),
    "dbt": DbtImporter(),
    "great-expectations": GreatExpectationsImporter(),
    "soda": SodaImporter(),
    "elementary": ElementaryImporter(),
    "json": JsonImporter(),
}

__all__ = ["IMPORTERS", "CheckResultLine", "Document", "Findings", "Importer", "Lineage"]
