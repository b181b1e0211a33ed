"""An LSTM whose gates also look at its memory cell."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unclicked.nn.initialise import free_vector, lstm_layer


class PeepholeLSTM(nn.Module):
    """One LSTM layer with peephole connections, read step by step.

    With a = W_ih x_t + W_hh h_(t-1) + b, cut into four parts for the input gate, the forget gate,
    the candidate and the output gate (torch's order): i = sigmoid(a_i + w_i * c_(t-1)),
    f = sigmoid(a_f + w_f * c_(t-1)), c_t = f * c_(t-1) + i * tanh(a_g),
    o = sigmoid(a_o + w_o * c_t), h_t = o * tanh(c_t). Peephole weights are vectors.

    Args:
        in_dim: Width of the input, at least 1.
        hidden_dim: Width H of the state, at least 1.

    Source: the contextual LSTM of the BINN paper (KDD 2018), without its behaviour term, which is
        a part of the input here.

    Example:
        >>> PeepholeLSTM(3, 2)(torch.zeros(1, 4, 3)).shape
        torch.Size([1, 4, 2])
    """

    def __init__(self, in_dim: int, hidden_dim: int) -> None:
        super().__init__()
        # The same initial values as the plain layer's: joint orthogonal kernel, forget bias 1.
        start = dict(lstm_layer(in_dim, hidden_dim).named_parameters())
        self.input_weight = nn.Parameter(start["weight_ih_l0"].detach().clone())
        self.state_weight = nn.Parameter(start["weight_hh_l0"].detach().clone())
        self.bias = nn.Parameter(start["bias_ih_l0"].detach().clone())
        self.input_peephole = free_vector(hidden_dim)
        self.forget_peephole = free_vector(hidden_dim)
        self.output_peephole = free_vector(hidden_dim)

    def forward(self, inputs: Tensor) -> Tensor:
        """Read sequences from left to right, starting from zero states.

        Args:
            inputs: Vectors [B, T, in_dim], float, T at least 1.

        Returns:
            States h [B, T, H]; each depends on the inputs up to it only.
        """
        projected = nn.functional.linear(inputs, self.input_weight, self.bias)
        state = cell = inputs.new_zeros(inputs.shape[0], len(self.input_peephole))
        states = []
        for at in projected.unbind(1):
            gates = at + state @ self.state_weight.T
            admit, forget, candidate, output = gates.chunk(4, dim=-1)
            admit = torch.sigmoid(admit + self.input_peephole * cell)
            forget = torch.sigmoid(forget + self.forget_peephole * cell)
            cell = forget * cell + admit * torch.tanh(candidate)
            state = torch.sigmoid(output + self.output_peephole * cell) * torch.tanh(cell)
            states.append(state)
        return torch.stack(states, dim=1)
