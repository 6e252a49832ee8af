// Chats with the hub as a simulated customer.
"use strict";

const field = (id) => document.getElementById(id);
let phone = "";
let after = 0;
let listening = 0;

function show(line) {
  const item = document.createElement("li");
  item.className = line.direction;
  item.textContent = line.text;
  const time = document.createElement("time");
  time.dateTime = line.at;
  time.textContent = new Date(line.at).toLocaleTimeString("es-MX");
  item.append(time);
  field("thread").append(item);
  item.scrollIntoView({ block: "nearest" });
}

async function listen(turn) {
  while (turn === listening) {
    try {
      const query = new URLSearchParams({ direction: "all", after, wait_seconds: 20 });
      const answer = await fetch(`control/phones/${encodeURIComponent(phone)}?${query}`);
      const { messages } = await answer.json();
      if (turn !== listening) return;
      messages.forEach(show);
      after += messages.length;
      field("notice").textContent = "";
    } catch {
      field("notice").textContent = "Sin conexión con el simulador. Se reintenta en 2 segundos.";
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
}

function open() {
  phone = field("number").value.trim();
  after = 0;
  listening += 1;
  field("thread").replaceChildren();
  listen(listening);
}

field("who").addEventListener("submit", (event) => {
  event.preventDefault();
  open();
});

field("say").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = field("text").value;
  if (phone !== field("number").value.trim()) open();
  const kind = field("kind").value;
  const said = kind ? { from: phone, kind } : { from: phone, text };
  const name = field("name")?.value.trim();
  if (name) said.name = name;
  const place = kind ? "say" : (field("place")?.value ?? "say");
  const answer = await fetch(`control/${place}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(said),
  });
  if (answer.ok) field("text").value = "";
  else field("notice").textContent = "No se pudo enviar. Revisa quién escribe.";
});

async function offerKinds() {
  const { kinds } = await (await fetch("control/kinds")).json();
  for (const kind of kinds) field("kind").append(new Option(kind.replaceAll("_", " "), kind));
}

field("kind").addEventListener("change", () => {
  field("text").disabled = field("kind").value !== "";
});

offerKinds();
open();
