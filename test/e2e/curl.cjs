// What the documents use of curl, for machines without it: -s, -f, -X, -H, -d, --data-urlencode and a URL.
const headers = {};
const data = [];
let url;
let method;
let hasToSucceed = false;
const words = process.argv.slice(2);
while (words.length > 0) {
  const word = words.shift();
  if (word === '-s') continue;
  if (word === '-sf') hasToSucceed = true;
  else if (word === '-X') method = words.shift();
  else if (word === '-H') {
    const [name, value] = words.shift().split(': ');
    headers[name] = value;
  } else if (word === '-d') data.push(words.shift());
  else if (word === '--data-urlencode') {
    const [name, value] = words.shift().split(/=(.*)/s);
    data.push(`${name}=${encodeURIComponent(value)}`);
  } else if (word.startsWith('-')) throw new Error(`curl.cjs does not know ${word}`);
  else url = word;
}
const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
const posted = { method: method ?? 'POST', headers: { ...form, ...headers }, body: data.join('&') };
fetch(url, data.length === 0 ? { method, headers } : posted)
  .then(async (response) => {
    if (hasToSucceed && !response.ok) process.exitCode = 22;
    process.stdout.write(`${await response.text()}\n`);
  })
  .catch(() => {
    process.exitCode = 7;
  });
