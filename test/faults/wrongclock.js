// Loaded before Arsia: a machine whose clock is set wrong, and right again, by SIGUSR2.
const now = Date.now;
let ahead = 0;
Date.now = () => now() + ahead;
process.on('SIGUSR2', () => {
  ahead = ahead === 0 ? Number(process.env.WRONG_BY_MS) : 0;
});
