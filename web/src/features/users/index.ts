export { Users } from './components/Users';
