export { Drift } from './components/Drift';
export { Proposals } from './components/Proposals';
