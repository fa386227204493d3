import access from './ru-access.json';
import identity from './ru-identity.json';
import reasons from './ru-reasons.json';
import secondFactor from './ru-second-factor.json';
import main from './ru.json';

export default { ...main, ...access, ...identity, ...reasons, ...secondFactor };
