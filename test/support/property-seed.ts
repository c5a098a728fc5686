import fc from 'fast-check';

/**
 * Property tests draw the same cases in every run, so that a change is what fails and not the day. `FC_SEED=N npm test`
 * draws others; a failure prints its seed.
 */
fc.configureGlobal({ seed: Number(process.env['FC_SEED'] ?? 20_260_601) });
