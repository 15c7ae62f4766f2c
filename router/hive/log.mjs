// One JSON object a line on standard output, under the field names that the Python services use.

const LEVELS = ['debug', 'info', 'warning', 'error'];
let threshold = 1;

export function setLevel(level) {
  threshold = LEVELS.indexOf(level);
}

function write(level, event, details) {
  if (LEVELS.indexOf(level) < threshold) return;
  const line = { ...details, event, level, timestamp: new Date().toISOString(), service: 'router' };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

export const log = {
  debug: (event, details) => write('debug', event, details),
  info: (event, details) => write('info', event, details),
  warning: (event, details) => write('warning', event, details),
  error: (event, details) => write('error', event, details),
};
