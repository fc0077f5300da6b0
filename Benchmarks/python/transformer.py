"""A Transformer of sentence pairs as in pytorch/examples language_translation: torch.nn.Transformer, 192 wide,
4 + 4 layers, sentences of 8 to 32 tokens that are padded to 32, cross-entropy with label smoothing, Adam."""

import math

import torch
from torch import nn
from torch.nn import functional

import harness
from harness import PADDING

VOCABULARY, LONGEST, WIDTH, HEADS, LAYERS, INNER = 4000, 64, 192, 6, 4, 192


class Positions(nn.Module):
    def __init__(self):
        super().__init__()
        rates = torch.exp(-torch.arange(0, WIDTH, 2) * math.log(10000) / WIDTH)
        angles = torch.arange(LONGEST).unsqueeze(1) * rates
        table = torch.zeros(LONGEST, 1, WIDTH)
        table[:, 0, 0::2], table[:, 0, 1::2] = angles.sin(), angles.cos()
        self.register_buffer("pos_embedding", table)

    def forward(self, x):
        return x + self.pos_embedding[: x.shape[1]].transpose(0, 1)


class Translator(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.src_embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.tgt_embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.pos_enc = Positions()
        self.dropout = nn.Dropout(dropout)
        self.transformer = nn.Transformer(WIDTH, HEADS, LAYERS, LAYERS, INNER, dropout, batch_first=True)
        self.ff = nn.Linear(WIDTH, VOCABULARY)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)

    def forward(self, source, target):
        length = target.shape[1]
        causal = torch.ones(length, length, dtype=torch.bool).triu(1)
        x = self.transformer(
            self.dropout(self.pos_enc(self.src_embedding(source))),
            self.dropout(self.pos_enc(self.tgt_embedding(target))),
            tgt_mask=causal, src_key_padding_mask=source == PADDING, tgt_key_padding_mask=target == PADDING,
            memory_key_padding_mask=source == PADDING)
        return self.ff(x)


class TransformerRecipe(harness.Recipe):
    batch_size, pictures = 32, {}
    sentences = {"source": (VOCABULARY, 32), "target": (VOCABULARY, 32)}
    first_samples = 14

    def __init__(self, dropout=0.1):
        self.model = Translator(dropout)
        self.networks = {"model": self.model}
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-4, betas=(0.9, 0.98), eps=1e-9)

    def step(self, source, target):
        logits = self.model(source, target[:, :-1])
        loss = functional.cross_entropy(
            logits.reshape(-1, VOCABULARY), target[:, 1:].reshape(-1), ignore_index=PADDING, label_smoothing=0.1)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return [loss.item()]

    @torch.no_grad()
    def sample(self, count):
        """A sentence of so many tokens, the likeliest each time."""
        self.model.eval()
        source = torch.tensor([[harness.START, 10, 11, harness.END]])
        target = torch.tensor([[harness.START]])
        for _ in range(count):
            target = torch.cat([target, self.model(source, target)[:, -1].argmax(1, keepdim=True)], dim=1)
        return target


if __name__ == "__main__":
    harness.main(TransformerRecipe)
