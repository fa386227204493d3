export { Operation } from './components/Operation';
