/// The page on which a video is played: no file beside it, and nothing from elsewhere.
enum PlayPage {
  static let html = #"""
    <!doctype html>
    <html lang="en">
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Atelier: play</title>
    <style>
      body { margin: 0 auto; max-width: 44rem; padding: 1rem; font: 16px/1.5 system-ui, sans-serif; color: #222; }
      h1 { font-size: 1.1rem; margin: 0 0 .5rem; }
      img { display: block; width: 100%; max-width: 32rem; image-rendering: pixelated; background: #ddd; }
      #label { margin: .3rem 0 .8rem; font-weight: 600; }
      button, select, input { font: inherit; padding: .2rem .6rem; margin: 0 .3rem .3rem 0; }
      button[aria-pressed=true] { background: #224; color: #fff; }
      kbd { border: 1px solid #999; border-radius: 3px; padding: 0 .3rem; font-size: .85em; }
      dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 1rem; margin: .8rem 0; }
      dt { color: #555; } dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
      #error { color: #a00; min-height: 1.5em; }
    </style>
    <h1 id="title">Play</h1>
    <img id="frame" alt="the present frame of the video">
    <p id="label">AI-generated: a trained model makes every frame after the first.</p>
    <div id="actions" role="group" aria-label="actions"></div>
    <p>
      <label>first frame <select id="starts"></select></label>
      <button id="reset">begin anew <kbd>Esc</kbd></button>
      <label>at most <input id="rate" type="number" min="1" max="60" value="15" size="3"> frames a second</label>
      <label><input id="on" type="checkbox"> go on with the last action</label>
    </p>
    <dl>
      <dt>frame</dt><dd id="number">0</dd>
      <dt>model</dt><dd><span id="model">–</span> ms a frame</dd>
      <dt>latency</dt><dd><span id="latency">–</span> ms from the key to the frame</dd>
      <dt>speed</dt><dd><span id="speed">–</span> frames a second</dd>
      <dt>weights</dt><dd id="weights"></dd>
      <dt>recorded in</dt><dd id="recording">nothing</dd>
    </dl>
    <p id="error" role="alert"></p>
    <script>
      const at = id => document.getElementById(id);
      let facts, held = [], last = null, busy = false, anew = false, due = 0, times = [];

      async function show(answer) {
        if (!answer.ok) throw new Error((await answer.text()).trim());
        const image = await answer.blob(), old = at("frame").src;
        at("frame").src = URL.createObjectURL(image);
        if (old) URL.revokeObjectURL(old);
        at("number").textContent = answer.headers.get("X-Frame");
        at("error").textContent = "";
        return Number(answer.headers.get("X-Milliseconds"));
      }

      async function step(action) {
        const began = performance.now();
        const model = await show(await fetch("/step?action=" + action, { method: "POST" }));
        const now = performance.now();
        times = times.concat({ at: now, latency: now - began, model }).filter(x => now - x.at < 2000);
        const mean = name => times.reduce((sum, x) => sum + x[name], 0) / times.length;
        at("model").textContent = mean("model").toFixed(1);
        at("latency").textContent = mean("latency").toFixed(1);
        if (times.length > 1) {
          at("speed").textContent = (1000 * (times.length - 1) / (now - times[0].at)).toFixed(1);
        }
      }

      async function begin() {
        last = null; times = [];
        await show(await fetch("/start?number=" + at("starts").value, { method: "POST" }));
        at("speed").textContent = "–";
      }

      function wanted() {
        if (held.length) return held[held.length - 1];
        return at("on").checked ? last : null;
      }

      async function guarded(work) {
        if (busy) return;
        busy = true;
        try { await work(); } catch (problem) { at("error").textContent = problem.message; held = []; last = null; }
        busy = false;
      }

      async function turn(now) {
        const action = wanted();
        // A frame that is under way comes first.
        if (anew && !busy) {
          anew = false;
          await guarded(begin);
        } else if (action !== null && now >= due && !busy) {
          due = now + 1000 / Math.min(60, Math.max(1, Number(at("rate").value) || 15)) - 4;
          last = action;
          await guarded(() => step(action));
        }
        mark();
        requestAnimationFrame(turn);
      }

      function mark() {
        const action = wanted();
        document.querySelectorAll("#actions button").forEach((button, place) =>
          button.setAttribute("aria-pressed", String(place === action)));
      }

      function press(action) { if (!held.includes(action)) held.push(action); due = 0; }
      function release(action) { held = held.filter(x => x !== action); }
      const name = key => key === " " ? "space" : key.replace("Arrow", "");
      const action = event => facts.actions.findIndex(
        x => x.key === (event.key.length === 1 ? event.key.toLowerCase() : event.key));

      addEventListener("keydown", event => {
        if (!facts || event.ctrlKey || event.metaKey || event.altKey) return;
        if (event.key === "Escape") { event.preventDefault(); anew = true; return; }
        if (["INPUT", "SELECT"].includes(event.target.tagName)) return;
        const found = action(event);
        if (found < 0) return;
        event.preventDefault();
        if (!event.repeat) press(found);
      });
      addEventListener("keyup", event => { if (facts) release(action(event)); });
      addEventListener("blur", () => { held = []; });
      at("reset").onclick = () => { anew = true; };
      at("starts").onchange = () => { anew = true; at("starts").blur(); };

      guarded(async () => {
        const answer = await fetch("/facts");
        if (!answer.ok) throw new Error((await answer.text()).trim());
        facts = await answer.json();
        at("title").textContent = "Play " + facts.system;
        at("weights").textContent = facts.checkpoint;
        if (facts.recording) at("recording").textContent = facts.recording;
        facts.starts.forEach((start, place) => at("starts").add(new Option(start, place)));
        at("starts").value = facts.start;
        facts.actions.forEach((x, place) => {
          const button = document.createElement("button");
          button.append(x.name + " ");
          if (x.key) button.append(Object.assign(document.createElement("kbd"), { textContent: name(x.key) }));
          button.onpointerdown = () => press(place);
          button.onpointerup = button.onpointerleave = () => release(place);
          button.tabIndex = -1;
          at("actions").append(button);
        });
        await show(await fetch("/frame"));
        requestAnimationFrame(turn);
      });
    </script>
    </html>

    """#
}
