// A shop's theme asking the app for a customer's cashback, through the app proxy.
const place = document.getElementById("cashback");
const line = (text) => Object.assign(document.createElement("p"), { textContent: text });

async function show() {
  const customer = document.getElementById("customer").value;
  const path = `/storefront/${document.body.dataset.handle}/apps/boomerang/cashback`;
  const response = await fetch(path, { headers: { "X-Sandbox-Customer": customer } });
  if (!response.ok) return place.replaceChildren(line(`The shop shows nothing here (HTTP ${response.status}).`));
  const told = await response.json();
  if (!told.logged_in) return place.replaceChildren(line("Log in to see your cashback."));
  place.replaceChildren(
    line(`Available: ${told.available} ${told.currency}`),
    line(`On its way: ${told.pending} ${told.currency}`),
    ...told.recent.map((one) => line(`${one.order}: ${one.sentence}`)),
  );
}

show();
