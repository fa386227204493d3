export { SecondFactor } from './components/SecondFactor';
