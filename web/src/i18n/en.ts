import access from './en-access.json';
import identity from './en-identity.json';
import reasons from './en-reasons.json';
import secondFactor from './en-second-factor.json';
import main from './en.json';

export default { ...main, ...access, ...identity, ...reasons, ...secondFactor };
