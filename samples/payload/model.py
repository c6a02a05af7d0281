"""The classifier: an encoder of torch's own modules over the first bytes of a payload."""

import math

import torch
from torch import nn

VOCABULARY = 257  # 256 byte values and the padding token


def sinusoids(window: int, width: int) -> torch.Tensor:
    """Where learned positions start: with sines and cosines, "the byte before" is a linear map that attention finds quickly."""
    angles = torch.arange(window)[:, None] * torch.exp(torch.arange(0, width, 2) * (-math.log(200.0) / width))
    return 0.5 * torch.stack([angles.sin(), angles.cos()], dim=2).reshape(1, window, width)


class PayloadEncoder(nn.Module):
    """Bytes as tokens, learned positions, pre-norm encoder layers with GELU, maximum over all positions, a two-layer head."""

    def __init__(self, window: int, width: int = 32, heads: int = 4, hidden: int = 64, layers: int = 1):
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, width)
        self.position = nn.Parameter(sinusoids(window, width))
        layer = nn.TransformerEncoderLayer(width, heads, hidden, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, layers, norm=nn.LayerNorm(width), enable_nested_tensor=False)
        for weight in self.encoder.parameters():
            if weight.dim() > 1:
                nn.init.xavier_uniform_(weight)
        self.head = nn.Sequential(nn.Linear(width, 64), nn.GELU(), nn.Linear(64, 2))
        nn.init.normal_(self.embed.weight, std=0.3)

    def forward(self, tokens):
        x = self.embed(tokens) + self.position
        x = self.encoder(x)
        return self.head(x.amax(dim=1))


def multiply_accumulates(window: int, width: int, hidden: int, layers: int) -> int:
    """Of one inference: projections, attention, feed-forward, head."""
    per_layer = window * width * (4 * width + 2 * hidden) + 2 * window * window * width
    return layers * per_layer + width * 64 + 64 * 2


def probabilities(model, batch: torch.Tensor) -> torch.Tensor:
    """The probability of an injection attempt for each row of tokens."""
    model.eval()
    with torch.no_grad():
        return torch.cat([torch.softmax(model(part), 1)[:, 1] for part in batch.split(1024)])
