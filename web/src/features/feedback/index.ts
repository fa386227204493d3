export { FeedbackBar } from './components/FeedbackBar';
export { PrintedFeedback } from './components/PrintedFeedback';
