"""Encoder and decoder with additive attention as in bentrevett/pytorch-seq2seq, notebooks 3 and 4 (packed sentences,
masked attention), GRU of 256, all true tokens given in training; translations by the likeliest token and by beams."""

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import harness
from harness import END, PADDING, START

VOCABULARY, EMBEDDED, HIDDEN = 4000, 128, 256
EXTRA = 10  # tokens that a translation may have beyond its source


class Encoder(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, EMBEDDED)
        self.rnn = nn.GRU(EMBEDDED, HIDDEN, bidirectional=True)
        self.fc = nn.Linear(2 * HIDDEN, HIDDEN)
        self.dropout = nn.Dropout(dropout)

    def forward(self, source):  # [time, batch]
        lengths = (source != PADDING).sum(0)
        packed = pack_padded_sequence(self.dropout(self.embedding(source)), lengths, enforce_sorted=False)
        outputs, hidden = self.rnn(packed)
        outputs, _ = pad_packed_sequence(outputs, total_length=source.shape[0])
        return outputs, self.fc(torch.cat([hidden[0], hidden[1]], dim=1)).tanh()


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attn_fc = nn.Linear(3 * HIDDEN, HIDDEN)
        self.v_fc = nn.Linear(HIDDEN, 1, bias=False)

    def forward(self, hidden, memory, mask):  # [batch, size], [batch, source, size], [batch, source]
        repeated = hidden.unsqueeze(1).expand(-1, memory.shape[1], -1)
        energy = self.attn_fc(torch.cat([repeated, memory], dim=2)).tanh()
        scores = self.v_fc(energy).squeeze(2).masked_fill(mask, float("-inf"))
        return scores.softmax(1)


class Decoder(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.attention = Attention()
        self.embedding = nn.Embedding(VOCABULARY, EMBEDDED)
        self.rnn = nn.GRU(EMBEDDED + 2 * HIDDEN, HIDDEN)
        self.fc_out = nn.Linear(HIDDEN + 2 * HIDDEN + EMBEDDED, VOCABULARY)
        self.dropout = nn.Dropout(dropout)

    def forward(self, token, hidden, memory, mask):
        embedded = self.dropout(self.embedding(token))
        weights = self.attention(hidden, memory, mask)
        context = weights.unsqueeze(1).bmm(memory).squeeze(1)
        output, hidden = self.rnn(torch.cat([embedded, context], dim=1).unsqueeze(0), hidden.unsqueeze(0))
        return self.fc_out(torch.cat([output[0], context, embedded], dim=1)), hidden[0]


class Seq2Seq(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.encoder = Encoder(dropout)
        self.decoder = Decoder(dropout)
        for name, parameter in self.named_parameters():
            nn.init.zeros_(parameter) if "bias" in name else nn.init.normal_(parameter, std=0.05)
        # No sentence ends before its greatest length, so that both sides write as many tokens.
        with torch.no_grad():
            self.decoder.fc_out.bias[END] = -30

    def begin(self, source):
        memory, hidden = self.encoder(source)
        return hidden, memory.transpose(0, 1).contiguous(), (source == PADDING).T

    def forward(self, source, target):
        hidden, memory, mask = self.begin(source)
        logits = []
        for token in target[:-1]:
            scores, hidden = self.decoder(token, hidden, memory, mask)
            logits.append(scores)
        return torch.stack(logits)


class Seq2SeqRecipe(harness.Recipe):
    batch_size, pictures = 32, {}
    sentences = {"source": (VOCABULARY, 32), "target": (VOCABULARY, 32)}

    def __init__(self, dropout=0.5):
        self.model = Seq2Seq(dropout)
        self.networks = {"model": self.model}
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)

    def draws(self):
        """Atelier draws for each token whether it is given; here all are."""
        return {"forcing": torch.rand(31)}

    def step(self, source, target, forcing):
        source, target = source.T, target.T
        logits = self.model(source, target)
        loss = functional.cross_entropy(
            logits.reshape(-1, VOCABULARY), target[1:].reshape(-1), ignore_index=PADDING)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return [loss.item()]

    @torch.no_grad()
    def sample(self, count):
        source = torch.tensor([[START, 10, 11, END]])
        return torch.tensor(self.translate(source, 1)[0][0])

    @torch.no_grad()
    def translate(self, source, beams):
        """The tokens and the log-probability of the best translation of each row of [batch, time]."""
        self.model.eval()
        limits = (source != PADDING).sum(1) + EXTRA
        count = source.shape[0]
        hidden, memory, mask = self.model.begin(source.T)
        own = torch.arange(count)  # the sentences that are still written
        scores = torch.zeros(count, 1)
        tokens = torch.full((count, 1, 1), START)
        found = [None] * count
        for place in range(int(limits.max())):
            width = scores.shape[1]
            logits, hidden = self.model.decoder(tokens[:, :, -1].reshape(-1), hidden, memory, mask)
            total = scores.unsqueeze(2) + logits.log_softmax(1).view(len(own), width, VOCABULARY)
            scores, best = total.view(len(own), -1).topk(beams, dim=1)
            origins = best // VOCABULARY
            tokens = torch.cat([
                tokens.gather(1, origins.unsqueeze(2).expand(-1, -1, tokens.shape[2])),
                (best % VOCABULARY).unsqueeze(2)], dim=2)
            is_open = limits[own] > place + 1
            for row in (~is_open).nonzero()[:, 0].tolist():
                found[own[row]] = (tokens[row, 0, 1:].tolist(), scores[row, 0].item())
            rows = (torch.arange(len(own)).unsqueeze(1) * width + origins)[is_open].reshape(-1)
            hidden, memory, mask = hidden[rows], memory[rows], mask[rows]
            own, scores, tokens = own[is_open], scores[is_open], tokens[is_open]
        return found


if __name__ == "__main__":
    harness.main(Seq2SeqRecipe)
