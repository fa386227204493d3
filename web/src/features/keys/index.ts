export { Keys } from './components/Keys';
