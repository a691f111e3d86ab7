// Loaded before Arsia: SIGUSR2 sets the clock of the process wrong, and right again.
const now = Date.now;
let ahead = 0;
Date.now = () => now() + ahead;
process.on('SIGUSR2', () => {
  ahead = ahead === 0 ? Number(process.env.WRONG_BY_MS) : 0;
});
