export const toool = {};
