export { Pulls } from './components/Pulls';
