import access from './en-access.json';
import deliveries from './en-deliveries.json';
import identity from './en-identity.json';
import pulls from './en-pulls.json';
import reasons from './en-reasons.json';
import secondFactor from './en-second-factor.json';
import site from './en-site.json';
import main from './en.json';

export default { ...main, ...access, ...deliveries, ...identity, ...pulls, ...reasons, ...secondFactor, ...site };
