"""quartier: distribute a small, fixed budget for neighbourhood work with older people. Exact, explained, repeatable.

Everything a notebook needs stands here; each name is loaded when it is first used, so that importing quartier costs nothing.

| do | with |
|---|---|
| `load`, `Sites` | read and check a city's data |
| `Scenario` | state the planner's choices |
| `allocate`, `Plan` | get the best plan, its proof and its reasons |
| `learn`, `what_moved` | see what reports teach about the response curve, how sure that is, and what it moves |
| `frontier` | see what fairness costs |
| `sentences`, `next_money`, `least_change`, ... | see what would change it, what its rules cost, and what is nearly as good |
| `situation`, `cooperation`, `consequences`, `agenda` | see where the cooperation stands, what is next and what it would mean |
| `plot_...`, `show` | see it |
| `goals`, `dialogue` | read what the sites reported, small counts hidden |
| `paper_views` | read what the committees' papers would say; `quartier.papers.write` writes them about a finished run |
| `save` | keep it |
| `explore`, `Panel` | try choices one after the other, go back, keep plans and compare them |
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "PlainError": "language",
    "DataError": "data",
    "Sites": "data",
    "load": "data",
    "weigh": "need",
    "contributions": "need",
    "learn": "evidence",
    "Scenario": "scenario",
    "ScenarioError": "scenario",
    "InfeasibleScenario": "plan",
    "Outcome": "plan",
    "Plan": "plan",
    "allocate": "optimise",
    "allocate_many": "optimise",
    "Plans": "optimise",
    "leave_one_out": "optimise",
    "side_by_side": "optimise",
    "find_conflict": "feasibility",
    "next_money": "whatif",
    "least_change": "whatif",
    "replacement_cost": "whatif",
    "cost_of_rules": "whatif",
    "alternatives": "whatif",
    "frontier": "whatif",
    "sentences": "whatif",
    "what_moved": "whatif",
    "plot_amounts": "figures",
    "plot_baselines": "figures",
    "plot_changes": "figures",
    "plot_cooperation": "figures",
    "plot_evidence": "figures",
    "plot_frontier": "figures",
    "plot_map": "figures",
    "plot_need": "figures",
    "plot_response": "figures",
    "plot_scenarios": "figures",
    "dialogue": "quality",
    "dialogue_views": "quality",
    "goals": "quality",
    "plot_dialogue": "figures",
    "paper_views": "contents",
    "save": "report",
    "show": "report",
    "tables": "report",
    "what_if": "report",
    "situation": "ledger",
    "cooperation": "ledger",
    "consequences": "ledger",
    "consequence_sentences": "ledger",
    "agenda": "ledger",
    "run": "runs",
    "Panel": "explorer",
    "explore": "widget",
}

__all__ = ["__version__", *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    """Load a public name from its home module when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module 'quartier' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"quartier.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
