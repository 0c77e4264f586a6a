"""The Transformer of this workbook in PyTorch, with the weights that a page saved.

    python3 transformer.py model.safetensors h e l l o        answers greedily

Modules bear the names that the weights have in the file. Apart from the words for them (table, gain: weight) only one thing
differs: the weight of a linear layer is [in, out] here, and [out, in] in PyTorch.
"""

import json
import sys

import torch
from torch import nn

from weights import load

PADDING, BEGIN, END = 0, 1, 2


def key(name):
    return name.replace(".positions.table", "_positions.weight").replace(".table", ".weight").replace(".gain", ".weight")


def turned(name, value):
    return value.T if name.endswith(".weight") else value


class Attention(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.heads, size = s["Heads"], s["KeySize"] or s["Features"] // s["Heads"]
        self.scale = size**-0.5 if s["ScaledAttention"] else 1.0
        widths = {"query": self.heads * size, "key": self.heads * size, "value": s["Features"], "output": s["Features"]}
        for part, width in widths.items():
            self.add_module(part, nn.Linear(s["Features"], width, bias=s["AttentionBias"]))

    def forward(self, x, memory, hidden):
        """hidden is True where a query does not see a key."""
        q, k, v = (
            part(y).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part, y in ((self.query, x), (self.key, memory), (self.value, memory))
        )
        scores = (q @ k.transpose(-2, -1) * self.scale).masked_fill(hidden, float("-inf"))
        return self.output((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.expand = nn.Linear(s["Features"], s["HiddenFeatures"])
        self.contract = nn.Linear(s["HiddenFeatures"], s["Features"])

    def forward(self, x):
        return self.contract(self.expand(x).relu())


class Block(nn.Module):
    def __init__(self, s, roles):
        super().__init__()
        self.norm_first, self.residual, self.dropout = s["NormFirst"], s["Residual"], nn.Dropout(s["Dropout"])
        for role in roles:
            sublayer = FeedForward(s) if role == "feedForward" else Attention(s)
            sublayer.norm = nn.LayerNorm(s["Features"])
            self.add_module(role, sublayer)

    def frame(self, role, x, *others):
        sublayer = self.get_submodule(role)
        y = sublayer.norm(x) if self.norm_first else x
        arguments = (y, y, *others) if role == "self" else (y, *others)
        x = self.dropout(sublayer(*arguments)) + (x if self.residual else 0)
        return x if self.norm_first else sublayer.norm(x)


class Stack(nn.Module):
    def __init__(self, s, layers, roles):
        super().__init__()
        self.blocks = [Block(s, roles) for _ in range(layers)]
        for i, block in enumerate(self.blocks):
            self.add_module(str(i), block)
        self.norm = nn.LayerNorm(s["Features"]) if s["NormFirst"] else nn.Identity()


class Transformer(nn.Module):
    def __init__(self, tensors, metadata):
        super().__init__()
        self.metadata, self.names = metadata, list(tensors)
        self.settings = s = json.loads(metadata["settings"])
        self.source_tokens, self.target_tokens = (json.loads(metadata[f"{side}Tokens"]) for side in ("source", "target"))
        d = s["Features"]
        self.target = nn.Embedding(s["TargetVocabulary"], d)
        # Under one name only, as in the file.
        self.source = None if s["ShareEmbeddings"] else nn.Embedding(s["SourceVocabulary"], d)
        self.encoder = Stack(s, s["EncoderLayers"], ["self", "feedForward"])
        self.decoder = Stack(s, s["DecoderLayers"], ["self", "cross", "feedForward"])
        if not s["TieTargetEmbedding"]:
            self.output = nn.Linear(d, s["TargetVocabulary"], bias=False)
        self.dropout = nn.Dropout(s["Dropout"])
        if s["LearnedPositions"]:
            self.source_positions, self.target_positions = (nn.Embedding(s["MaximumLength"], d) for _ in range(2))
        position, pair = torch.arange(s["MaximumLength"])[:, None].double(), torch.arange(d // 2).double()
        angle = position / 10000 ** (2 * pair / d)
        positions = torch.stack([angle.sin(), angle.cos()], -1).flatten(1).float()
        self.register_buffer("positions", positions, persistent=False)
        # Strict: a tensor that is missing, superfluous or of another shape is an error that names it.
        self.load_state_dict({key(name): turned(name, torch.from_numpy(value)) for name, value in tensors.items()})

    def tensors(self):
        """The weights as C# reads them, for weights.save(path, model.tensors(), model.metadata)."""
        state = self.state_dict()
        return {name: turned(name, state[key(name)]).cpu().numpy() for name in self.names}

    def embed(self, side, ids):
        table = self.target if side == "target" or self.source is None else self.source
        factor, time = self.settings["Features"] ** 0.5, ids.shape[1]
        learned = self.settings["LearnedPositions"]
        positions = getattr(self, f"{side}_positions").weight * factor if learned else self.positions
        return self.dropout(table(ids) * factor + positions[:time])

    def encode(self, source):
        x, hidden = self.embed("source", source), (source == PADDING)[:, None, None]
        for block in self.encoder.blocks:
            x = block.frame("feedForward", block.frame("self", x, hidden))
        return self.encoder.norm(x)

    def forward(self, source, target):
        """Logits of the next token after each of target, [batch, targetTime, targetVocabulary]."""
        memory, hidden = self.encode(source), (source == PADDING)[:, None, None]
        time = target.shape[1]
        later = torch.ones(time, time, dtype=torch.bool, device=target.device).triu(1)
        x = self.embed("target", target)
        for block in self.decoder.blocks:
            x = block.frame("feedForward", block.frame("cross", block.frame("self", x, later), memory, hidden))
        x = self.decoder.norm(x)
        return x @ self.target.weight.T if self.settings["TieTargetEmbedding"] else self.output(x)


if __name__ == "__main__":
    model = Transformer(*load(sys.argv[1])).eval()
    source = torch.tensor([[model.source_tokens.index(token) for token in sys.argv[2:]]])
    said = [BEGIN]
    with torch.no_grad():
        while said[-1] != END and len(said) < model.settings["MaximumLength"]:
            scores = model(source, torch.tensor([said]))[0, -1]
            scores[[PADDING, BEGIN]] = float("-inf")
            said.append(int(scores.argmax()))
    print(" ".join(model.target_tokens[id] for id in said[1:] if id != END))
