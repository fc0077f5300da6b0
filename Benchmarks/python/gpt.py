"""A small GPT over bytes with the recipe of karpathy/nanoGPT for a processor: 4 layers of 128, pieces of 64
bytes, AdamW with decay groups, warm-up and half a cosine. Generation computes the context anew for every
token, as nanoGPT's does."""

import math

import torch
from torch import nn
from torch.nn import functional

import harness

VOCABULARY, CONTEXT, LAYERS, HEADS, WIDTH = 256, 64, 4, 4, 128
RATE, LOWEST_RATE, WARMUP, DECAY = 1e-3, 1e-4, 100, 2000


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.c_attn = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.c_proj = nn.Linear(WIDTH, WIDTH, bias=False)

    def forward(self, x):
        batch, time, _ = x.shape
        parts = self.c_attn(x).split(WIDTH, dim=2)
        query, key, value = (part.view(batch, time, HEADS, WIDTH // HEADS).transpose(1, 2) for part in parts)
        read = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.c_proj(read.transpose(1, 2).reshape(batch, time, WIDTH))


class Layers(nn.Module):
    def __init__(self):
        super().__init__()
        self.c_fc = nn.Linear(WIDTH, 4 * WIDTH, bias=False)
        self.c_proj = nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x):
        return self.c_proj(functional.gelu(self.c_fc(x)))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.ln_1 = nn.LayerNorm(WIDTH, bias=False)
        self.attn = Attention()
        self.ln_2 = nn.LayerNorm(WIDTH, bias=False)
        self.mlp = Layers()

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    def __init__(self):
        super().__init__()
        self.transformer = nn.ModuleDict({
            "wte": nn.Embedding(VOCABULARY, WIDTH),
            "wpe": nn.Embedding(CONTEXT, WIDTH),
            "h": nn.ModuleList([Block() for _ in range(LAYERS)]),
            "ln_f": nn.LayerNorm(WIDTH, bias=False),
        })
        self.lm_head = nn.Linear(WIDTH, VOCABULARY, bias=False)
        self.transformer["wte"].weight = self.lm_head.weight
        for name, parameter in self.named_parameters():
            if parameter.dim() >= 2:
                deviation = 0.02 / math.sqrt(2 * LAYERS) if name.endswith("c_proj.weight") else 0.02
                nn.init.normal_(parameter, std=deviation)

    def forward(self, token):
        x = self.transformer["wte"](token) + self.transformer["wpe"](torch.arange(token.shape[1]))
        for block in self.transformer["h"]:
            x = block(x)
        return self.lm_head(self.transformer["ln_f"](x))


class GPTRecipe(harness.Recipe):
    batch_size, pictures = 12, {}
    tokens = {"token": (VOCABULARY, CONTEXT), "target": (VOCABULARY, CONTEXT)}
    first_samples = 400

    def __init__(self, dropout=0.0):  # the recipe has no dropout
        self.model = GPT()
        self.networks = {"model": self.model}
        groups = [[], []]
        for parameter in self.model.parameters():
            groups[parameter.dim() < 2].append(parameter)
        self.optimizer = torch.optim.AdamW(
            [{"params": groups[0], "weight_decay": 0.1}, {"params": groups[1], "weight_decay": 0.0}],
            lr=RATE, betas=(0.9, 0.99))
        self.steps = 0

    def rate(self):
        if self.steps < WARMUP:
            return RATE * (self.steps + 1) / (WARMUP + 1)
        share = min(1, (self.steps - WARMUP) / (DECAY - WARMUP))
        return LOWEST_RATE + 0.5 * (1 + math.cos(math.pi * share)) * (RATE - LOWEST_RATE)

    def step(self, token, target):
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        self.steps += 1
        logits = self.model(token)
        loss = functional.cross_entropy(logits.view(-1, VOCABULARY), target.reshape(-1))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return [loss.item()]

    @torch.no_grad()
    def sample(self, count):
        self.model.eval()
        token = torch.tensor([[10]])
        for _ in range(count):
            logits = self.model(token[:, -CONTEXT:])[:, -1]
            token = torch.cat([token, torch.multinomial(logits.softmax(-1), 1)], dim=1)
        return token


if __name__ == "__main__":
    harness.main(GPTRecipe)
