"""Words from which paths, parameters, texts and host names are drawn. Hosts are of reserved names (RFC 2606, RFC 6761)."""

SEGMENTS = """shop cart account user users item items product products search blog post posts news docs help admin login api
v1 v2 v3 app web img images static assets media files download upload report reports order orders invoice catalog category
forum thread topic wiki page pages article list view edit show tag tags feed events calendar team jobs about contact faq support
ticket tickets project issues music video photo gallery profile settings billing status health metrics data export book books""".split()

PAGES = """index.php item.php view.php search.php product.php page.php login.php news.php index.html show.asp detail.aspx
list.jsp view.do cgi-bin/test get.cgi main.js app.js style.css logo.png favicon.ico robots.txt sitemap.xml data.json""".split()

KEYS = """id q s page cat name user uid item file path url host ip lang sort order dir view type tag ref search query term text
title comment msg email city from to date year month size color price min max limit offset key token sid next redirect t v
product category title lookup target doc template theme cmd filter""".split()

WORDS = """the a of to and in for with on at by from about red blue green small large new old best cheap free fast slow good garden
kitchen chair table lamp phone camera laptop book paper coffee tea bread summer winter spring city house home street river mountain
train ticket hotel flight weekend family school student teacher work office meeting report project plan budget market price order
delivery return update release version feature bug issue team support customer service account password reset email message
question answer review rating photo music video film game season score weather recipe soup salad pasta bicycle running shoes
jacket size colour window door floor light water battery charger cable screen keyboard mouse printer network server cloud data
please thanks hello regards today tomorrow monday friday morning evening number please could would should when where which""".split()

NAMES = """anna ben carla david elena farid grace hugo ines jonas katrin luca maria nils olga pedro quentin rosa samir tara
ulrich vera wendy xavier yara zoe smith miller garcia kim nguyen rossi novak silva kowalski dubois""".split()

SURNAMES_APOSTROPHE = """O'Brien O'Connor O'Neill O'Reilly D'Angelo D'Souza L'Amour O'Hara O'Leary N'Golo D'Arcy O'Keefe
M'Baye O'Sullivan Dell'Acqua T'Pol""".split()

HOSTS = """www.shop.example api.shop.example blog.example.org www.example.com portal.example.net static.example.net docs.example.org
intranet.test app.test crm.test mail.example.com forum.example.org media.example.net login.example.com 10.20.0.7 10.20.0.12
status.example.org cdn.example.net wiki.example.org 10.20.0.31:8080 dev.test:3000""".split()

AGENTS = """Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0
Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36
Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15
Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)
curl/8.7.1
python-requests/2.32.3
Wget/1.21.4
Go-http-client/1.1
okhttp/4.12.0
PostmanRuntime/7.39.0""".split("\n")

TLDS = "com org net io dev test example co.uk de fr".split()
FILES = "report.pdf summary.docx photo.jpg data.csv notes.txt backup.zip manual.pdf invoice-2024.pdf logo.svg theme.css".split()

ACCENTED = """Zürich café naïve São Paulo Málaga Kraków Østerbro Ångström crème brûlée Łódź Besançon Tōkyō résumé piñata Großstadt
日本語 東京 Привет мир Αθήνα שלום""".split()
