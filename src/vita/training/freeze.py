"""Features of a control for all participants, to which `vita.training.controls` fits its heads.

Writes a row per participant: `eid` and a column per feature. Nothing is trained here; encoders stay frozen.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vita.names import CONTROLS, PROBES
from vita.runtime import cli
from vita.runtime.atomic import replacing
from vita.runtime.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from vita.training.data import Samples
    from vita.training.session import Session

_RANDOM = 5  # stream of random numbers


def features_of(
    control: str, session: "Session", samples: "Samples", fields: Path | None, init: Path | None
) -> "np.ndarray":
    """Features (participants, features) of a control, NaN where unknown.

    Args:
        control: one of CONTROLS.
        session: an open run.
        samples: all participants, in their order.
        fields: fields.parquet, for demographics.
        init: folder of Stage I or II, for a probe.

    Raises:
        UserError: a probe has no folder, or demographics have no table.
    """
    import torch  # start-up

    from vita.models.image_encoder import ImageEncoder
    from vita.training import frozen
    from vita.training.batches import mixed_seed

    batch = session.settings.stage.batch
    if control == "brightness":
        return frozen.brightness(samples, batch)
    if control == "demographics":
        if fields is None:
            raise UserError("the control demographics needs --fields")
        return frozen.demographics(fields, samples.eids)
    torch.manual_seed(mixed_seed(session.settings.seed, _RANDOM))
    encoder = ImageEncoder(session.model)
    if control in PROBES:
        if init is None:
            raise UserError(f"the control {control} needs --init, the folder of a trained stage")
        session.start_encoder(encoder, init)
    return frozen.plane_tokens(encoder.to(session.device), samples, batch)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = cli.parser(__doc__)
    parser.add_argument("--control", required=True, choices=CONTROLS, help="which control")
    cli.add_samples(parser)
    parser.add_argument("--fields", type=Path, help="fields.parquet, for demographics")
    parser.add_argument("--init", type=Path, help="folder of Stage I or II, for a probe")
    parser.add_argument("--output", type=Path, required=True, help="output: features, parquet")
    cli.add_settings(parser, "seed and the blocks model, training, stage")
    args = parser.parse_args(arguments)
    import pandas as pd  # start-up

    from vita.training.session import open_session

    session = open_session("stage3", args.shards, args.split, args.settings)
    everybody = session.samples(["train", "val", "test"], "predict")
    features = features_of(args.control, session, everybody, args.fields, args.init)
    table = pd.DataFrame(features, columns=[f"feature_{place}" for place in range(features.shape[1])])
    table.insert(0, "eid", everybody.eids)
    with replacing(args.output) as path:
        table.to_parquet(path, index=False)


if __name__ == "__main__":
    cli.run(main)
