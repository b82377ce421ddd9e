/**
 * Whether the long searches run in full, as by `npm run test:long`. Otherwise each looks at a handful of cases.
 */
export const long = process.env.LONG_TESTS === 'true';
