export { FeedbackBar } from './components/FeedbackBar';
