# Asked of the Python that runs Odoo: packages as Odoo asks for them, programs, and the syntax of files.
import ast, importlib.metadata, importlib.util, json, re, shutil, sys, warnings
warnings.simplefilter('ignore')
try:
    from packaging.requirements import Requirement
except ImportError:
    Requirement = None
ask = json.load(sys.stdin)
def package(name):
    if Requirement is None:
        wanted, specifier = re.split(r'[^\w.-]', name.strip())[0], None
    else:
        try:
            requirement = Requirement(name)
        except Exception as error:
            return '%s is no requirement: %s' % (name, error)
        if requirement.marker and not requirement.marker.evaluate():
            return None
        wanted, specifier = requirement.name, requirement.specifier
    try:
        version = importlib.metadata.version(wanted)
    except importlib.metadata.PackageNotFoundError:
        try:
            # Asked for a.b, Python would import a.
            if importlib.util.find_spec(wanted.split('.')[0]) is not None:
                return None
        except Exception:
            pass
        return 'the Python package %s is not installed' % wanted
    if specifier and not specifier.contains(version, prereleases=True):
        return 'the Python package %s is %s, and %s is needed' % (wanted, version, name)
    return None
def binds(tree, name):
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name == name:
            return True
        if isinstance(node, (ast.Import, ast.ImportFrom)) and any((a.asname or a.name) in (name, '*') for a in node.names):
            return True
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) and any(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store) or isinstance(n, ast.FunctionDef) and n.name == name for n in ast.walk(node)):
            return True
    return False
def source(path, script):
    try:
        with open(path, 'rb') as stream:
            text = stream.read()
        tree = ast.parse(text, path)
        compile(tree, path, 'exec', dont_inherit=True)
    except SyntaxError as error:
        return [error.lineno or 0, error.msg]
    except Exception as error:
        return [0, str(error)]
    if script and not binds(tree, 'migrate'):
        return [0, 'the migration script has no function migrate(cr, version)']
    return None
packages = {name: package(name) for name in ask['packages']}
files = {path: source(path, path in ask['scripts']) for path in ask['files'] + ask['scripts']}
print(json.dumps({
    'interpreter': '%s, Python %s' % (sys.executable, sys.version.split()[0]),
    'packages': {name: why for name, why in packages.items() if why},
    'programs': [name for name in ask['programs'] if not shutil.which(name)],
    'files': {path: why for path, why in files.items() if why},
}))
