"""Define Tibero as a target type."""

from __future__ import annotations

from scanready.catalogue.notation import Notation
from scanready.catalogue.option import DATABASE
from scanready.catalogue.row import Cost, Group, TargetType
from scanready.model import Step

TIBERO = TargetType(
    "tibero",
    "Tibero",
    8629,
    Cost(1, 1),
    speaks="tibero",
    home=__package__,
    group=Group.DATABASES,
    place=9,
    server_first=True,
    path="database",
    options=(DATABASE,),
    notations=(
        Notation(
            "a JDBC URL",
            r"jdbc:tibero:\w+:(?P<no_account>[^@]*)@(?://)?<HOST><PORT>[:/](?P<database>[\w$#-]+)",
            "tibero://{host}[:{port}]/{database}",
        ),
    ),
    steps=tuple(step for step in tuple(Step)[:5] if step is not Step.TLS),
    guessed=True,
    public=False,
    proven_by="nothing: the protocol is not public, so the verdict is never better than `undecided`",
    no_other_judge="the protocol is not public, and the vendor's driver has no package",
)
