/**
 * The number of a slice as readers count: from the head, 1 first. The array's own index ascends towards the head.
 * The same function leads back.
 */
export const numberFromHead = (count: number, slice: number): number => count - slice;
