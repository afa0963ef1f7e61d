"""Learns the sine by heart at init, and says it for the event's numbers."""

import torch

torch.manual_seed(1)
model = torch.nn.Sequential(torch.nn.Linear(1, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))
optimizer = torch.optim.LBFGS(model.parameters(), line_search_fn="strong_wolfe")
x = torch.linspace(-3, 3, 200).unsqueeze(1)


def closure():
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(x), x.sin())
    loss.backward()
    return loss


for _ in range(10):
    optimizer.step(closure)


def handler(event, context):
    with torch.inference_mode():
        numbers = torch.tensor(event["numbers"]).unsqueeze(1)
        return {"sines": [round(value, 2) for value in model(numbers).squeeze(1).tolist()]}
