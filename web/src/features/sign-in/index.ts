export { AccountMenu } from './components/AccountMenu';
export { SignIn } from './components/SignIn';
