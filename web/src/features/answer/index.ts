export { AnswerPanel } from './components/AnswerPanel';
export { Reasons } from './components/WhyUndetermined';
export { completedStages, keyPictures, mapStages, openingSlice } from './reading';
