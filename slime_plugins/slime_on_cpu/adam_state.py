"""Megatron's distributed optimizer with torch's Adam instead of Apex's or Transformer Engine's, both CUDA only.

Two things differ. torch's Adam has no state before its first step, of which Megatron asks the shape when it resumes; and it keeps a `step`
per parameter, which Megatron does not expect among the tensors, and which it shares between all parameters when it resumes.
"""

from __future__ import annotations

from typing import Any

import torch


def resume_with_torch_adam(optimizer_class: Any) -> None:
    """Change the class so that saving, and resuming before the first step, work."""
    state_dict = optimizer_class.state_dict
    set_states = optimizer_class._set_main_param_and_optimizer_states

    def complete_state_dict(self: Any) -> Any:
        for parameter in (parameter for group in self.optimizer.param_groups for parameter in group["params"]):
            if not self.optimizer.state[parameter]:
                self.optimizer.state[parameter] = _fresh_state(parameter)
        return state_dict(self)

    def set_states_and_step(self: Any, model_param: Any, tensors: dict[str, Any]) -> Any:
        group, place = self.model_param_group_index_map[model_param]
        state = self.optimizer.state[self.optimizer.param_groups[group]["params"][place]]
        if "step" in state:
            # Megatron gives all parameters one tensor, which every parameter then counts up.
            state["step"] = state["step"].clone()
        with torch.no_grad():  # In float32 the optimizer has no copy of a weight, but a view of it.
            return set_states(self, model_param, {**({"step": state["step"]} if "step" in state else {}), **tensors})

    optimizer_class.state_dict = complete_state_dict
    optimizer_class._set_main_param_and_optimizer_states = set_states_and_step


def _fresh_state(parameter: torch.Tensor) -> dict[str, torch.Tensor]:
    return {"step": torch.tensor(0.0), "exp_avg": torch.zeros_like(parameter.data), "exp_avg_sq": torch.zeros_like(parameter.data)}
