// What the documents use of curl, for machines without it: -s, -H, -d, --data-urlencode and a URL.
const headers = {};
const data = [];
let url;
const words = process.argv.slice(2);
while (words.length > 0) {
  const word = words.shift();
  if (word === '-s') continue;
  if (word === '-H') {
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
fetch(url, data.length === 0 ? { headers } : { method: 'POST', headers: { ...form, ...headers }, body: data.join('&') })
  .then((response) => response.text())
  .then((text) => process.stdout.write(`${text}\n`));
