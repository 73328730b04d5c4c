/**
 * Verdicts in plain words, in the language now on screen; the same wherever a verdict is shown: desk, phone, figures.
 *
 *     resultWord("met")                 // 达标
 *     causeWord("no_sample_after")      // 之后还没对过时
 *     clockWord("C2")                   // 签收，自送达
 */
import { CAUSES, CLOCKS, RESULTS, wordIn } from "./found";
import { language } from "./language";

/** What is found of a clock. */
export const resultWord = (code: string): string => wordIn(RESULTS[language.value], code);

/** What a clock measures. */
export const clockWord = (id: string): string => wordIn(CLOCKS[language.value], id);

/** Why nobody can say, or why a time is known no better. */
export const causeWord = (code: string): string => wordIn(CAUSES[language.value], code);
