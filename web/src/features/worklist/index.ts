export { StudiesTable } from './components/StudiesTable';
export { Worklist } from './components/Worklist';
