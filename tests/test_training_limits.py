"""The limits of visitors' trainings, and the checks of a training plan."""

import pytest

from training.limits import Limits, Plan


def test_variables_set_the_limits_and_switch_training_off() -> None:
    assert Limits.of({}) == Limits()
    assert Limits.of({"TRAINING": "on", "TRAINING_MINUTES": "2.5", "TRAINING_MODELS": "3"}) == Limits(
        minutes=2.5, models=3
    )
    assert Limits.of({"TRAINING": "Off"}) is None
    with pytest.raises(ValueError, match=r"^TRAINING_MODELS: models is 'many', but must be a whole number from 1 to"):
        Limits.of({"TRAINING_MODELS": "many"})
    with pytest.raises(ValueError, match=r"^TRAINING_MINUTE is no limit of trainings: these limits are TRAINING_MEGA"):
        Limits.of({"TRAINING_MINUTE": "5"})
    with pytest.raises(ValueError, match=r"^TRAINING is 'perhaps', but must be on or off$"):
        Limits.of({"TRAINING": "perhaps"})


@pytest.mark.parametrize("wrong", [{"begin": "/etc/passwd"}, {"minutes": -1}, {"capitals": 1}])
def test_a_plan_with_a_wrong_value_is_refused_in_a_sentence(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"^\w+ is .*, but must be .*$"):
        Plan(**wrong)  # type: ignore[arg-type]
