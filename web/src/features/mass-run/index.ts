export { MassRun } from './components/MassRun';
