export { PrintedReport } from './components/PrintedReport';
