"""GRU layers in both forms: reset gate before or after the recurrent product."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unclicked.nn.initialise import dense

CELLS = ("reset_before", "reset_after")
GATE_BIAS = 1.0
"""Initial bias of both gates: a fresh cell keeps about three quarters of its state."""


def gru_kernels(in_dim: int, hidden_dim: int) -> tuple[Tensor, Tensor]:
    """Return fresh weights of a GRU, split by what they multiply.

    Args:
        in_dim: Width of the input, at least 1.
        hidden_dim: Width H of the state, at least 1.

    Returns:
        Weights of the input [3 * H, in_dim] and of the state [3 * H, H]; rows in the order reset,
        keep, candidate. Those of the two gates, and those of the candidate, are orthogonal as a
        joint kernel over [input; state].

    Source: the official SDM code, whose GRU has one joint kernel for both gates and one for the
        candidate, each orthogonal.

    Example:
        >>> of_input, of_state = gru_kernels(3, 2)
        >>> joint = torch.cat([of_input, of_state], dim=1)[4:]
        >>> bool(torch.allclose(joint @ joint.T, torch.eye(2), atol=1e-6))
        True
    """
    gates = nn.init.orthogonal_(torch.empty(in_dim + hidden_dim, 2 * hidden_dim))
    candidate = nn.init.orthogonal_(torch.empty(in_dim + hidden_dim, hidden_dim))
    joint = torch.cat([gates, candidate], dim=1).T
    return joint[:, :in_dim].contiguous(), joint[:, in_dim:].contiguous()


class ResetBeforeGRU(nn.Module):
    """One GRU layer whose reset gate weakens the state before the recurrent product.

    With gates r, z = sigmoid(W x + U h + b), the candidate is n = tanh(W' x + U' (r * h) + b') and
    the new state z * h + (1 - z) * n; the first state is 0.

    Args:
        in_dim: Width of the input, at least 1.
        hidden_dim: Width H of the state, at least 1.

    Source: the GRU of the GRU4REC paper (2016) and of TensorFlow's GRUCell.
    Differs: the GRU4REC paper calls 1 - z what is z here; the functions that can be learned are
        the same, and the initial gate bias of 1 means to keep, as in TensorFlow.

    Example:
        >>> layer = ResetBeforeGRU(1, 1)
        >>> for weight in layer.parameters():
        ...     _ = nn.init.zeros_(weight)
        >>> _ = layer.of_input.weight.data[2].fill_(10.0)  # n = tanh(10), so 1 but for 4e-9
        >>> layer(torch.ones(1, 3, 1)).flatten().tolist()
        [0.5, 0.75, 0.875]
    """

    def __init__(self, in_dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.hidden_dim = hidden_dim
        self.of_input = dense(in_dim, 3 * hidden_dim)
        self.of_state = nn.Parameter(torch.empty(3 * hidden_dim, hidden_dim))
        with torch.no_grad():
            of_input, of_state = gru_kernels(in_dim, hidden_dim)
            self.of_input.weight.copy_(of_input)
            self.of_state.copy_(of_state)
            self.of_input.bias[: 2 * hidden_dim] = GATE_BIAS

    def forward(self, inputs: Tensor) -> Tensor:
        """Read sequences from their first step to their last.

        Args:
            inputs: Vectors [B, T, in_dim], float; T at least 1.

        Returns:
            States [B, T, H].
        """
        width = self.hidden_dim
        # All that does not wait for a state is one product; time comes first, so that each step of
        # the loop reads one contiguous block.
        from_input = self.of_input(inputs.transpose(0, 1))
        gate_steps, candidate_steps = from_input.split([2 * width, width], dim=-1)
        gate_kernel, candidate_kernel = self.of_state.T.split([2 * width, width], dim=1)
        state = inputs.new_zeros(inputs.shape[0], width)
        states = []
        for gate_input, candidate_input in zip(
            gate_steps.unbind(0), candidate_steps.unbind(0), strict=True
        ):
            gates = torch.sigmoid(torch.addmm(gate_input, state, gate_kernel))
            reset, keep = gates.chunk(2, dim=1)
            product = torch.addmm(candidate_input, reset * state, candidate_kernel)
            state = torch.lerp(torch.tanh(product), state, keep)
            states.append(state)
        return torch.stack(states, dim=1)


class ResetAfterGRU(nn.Module):
    """One layer of torch's GRU, whose reset gate weakens the recurrent product of the candidate.

    The candidate is n = tanh(W' x + b' + r * (U' h + c')); all else is as in `ResetBeforeGRU`.

    Args:
        in_dim: Width of the input, at least 1.
        hidden_dim: Width H of the state, at least 1.

    Source: the GRU of torch and cuDNN, started as the official SDM code starts its own.
    """

    def __init__(self, in_dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.layer = nn.GRU(in_dim, hidden_dim, batch_first=True)
        weights = dict(self.layer.named_parameters())
        with torch.no_grad():
            of_input, of_state = gru_kernels(in_dim, hidden_dim)
            weights["weight_ih_l0"].copy_(of_input)
            weights["weight_hh_l0"].copy_(of_state)
            weights["bias_ih_l0"].zero_()
            weights["bias_hh_l0"].zero_()
            # torch adds two biases, so only one of them may hold the 1.
            weights["bias_ih_l0"][: 2 * hidden_dim] = GATE_BIAS

    def forward(self, inputs: Tensor) -> Tensor:
        """Read sequences from their first step to their last.

        Args:
            inputs: Vectors [B, T, in_dim], float; T at least 1.

        Returns:
            States [B, T, H].
        """
        states: Tensor = self.layer(inputs)[0]
        return states


class SessionGRU(nn.Module):
    """GRU layers over the clicked items, with the profile beside every item where there is one.

    Args:
        dim: Width D of items, profiles and states, at least 1.
        with_profile: Whether `forward` will be given a profile to read.
        cell: One of `CELLS`.
        num_layers: Number of layers, at least 1.
        dropout: Probability with which an input of a layer is dropped, in [0, 1).

    Source: GRU4REC (2016); the official SDM code joins profile and item at every step.
    """

    def __init__(
        self, dim: int, *, with_profile: bool, cell: str, num_layers: int, dropout: float
    ) -> None:
        super().__init__()
        form = ResetBeforeGRU if cell == "reset_before" else ResetAfterGRU
        first = 2 * dim if with_profile else dim
        widths = [first] + [dim] * (num_layers - 1)
        self.layers = nn.ModuleList(form(width, dim) for width in widths)
        self.input_dropout = nn.Dropout(dropout)

    def forward(self, items: Tensor, mask: Tensor, profile: Tensor | None) -> Tensor:
        """Return the state after each item.

        Args:
            items: Item vectors [B, T, D], float, padded on the right.
            mask: True where an item is real, bool [B, T].
            profile: Profiles [B, D], float; None if the layers were built without.

        Returns:
            States [B, T, D]; zero at padding.
        """
        padding = ~mask.unsqueeze(-1)
        states = items.masked_fill(padding, 0.0)
        if profile is not None:
            states = torch.cat([states, profile.unsqueeze(1).expand_as(items)], dim=-1)
        for layer in self.layers:
            states = layer(self.input_dropout(states))
        return states.masked_fill(padding, 0.0)
